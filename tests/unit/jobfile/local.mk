# Unit tests of daemon/jobfile.
JOBFILE_TESTS = tests/unit/jobfile/test-conformance tests/unit/jobfile/test-folder tests/unit/jobfile/test-ics tests/unit/jobfile/test-keys tests/unit/jobfile/test-nomem \
	tests/unit/jobfile/test-config tests/unit/jobfile/test-policy tests/unit/jobfile/test-zones
check_PROGRAMS += $(JOBFILE_TESTS)
TESTS += $(JOBFILE_TESTS)
JOBFILE_LIBS = libjobfile.a libengine.a libcalendar.a libbase.a $(YAML_LIBS) $(MD_LIBS)

tests_unit_jobfile_test_conformance_SOURCES = tests/unit/jobfile/test-conformance.c tests/unit/jobfile/zone.h
tests_unit_jobfile_test_conformance_LDADD = $(JOBFILE_LIBS)
tests_unit_jobfile_test_folder_SOURCES = tests/unit/jobfile/test-folder.c tests/unit/jobfile/zone.h
tests_unit_jobfile_test_folder_LDADD = $(JOBFILE_LIBS)
tests_unit_jobfile_test_ics_SOURCES = tests/unit/jobfile/test-ics.c tests/unit/jobfile/zone.h
tests_unit_jobfile_test_ics_LDADD = $(JOBFILE_LIBS)
tests_unit_jobfile_test_keys_SOURCES = tests/unit/jobfile/test-keys.c tests/unit/jobfile/zone.h
tests_unit_jobfile_test_keys_LDADD = $(JOBFILE_LIBS)
tests_unit_jobfile_test_nomem_SOURCES = tests/unit/jobfile/test-nomem.c tests/unit/jobfile/zone.h
tests_unit_jobfile_test_nomem_LDADD = $(JOBFILE_LIBS)
tests_unit_jobfile_test_config_SOURCES = tests/unit/jobfile/test-config.c tests/unit/jobfile/zone.h
tests_unit_jobfile_test_config_LDADD = $(JOBFILE_LIBS)
tests_unit_jobfile_test_policy_SOURCES = tests/unit/jobfile/test-policy.c tests/unit/jobfile/zone.h
tests_unit_jobfile_test_policy_LDADD = $(JOBFILE_LIBS)
tests_unit_jobfile_test_zones_SOURCES = tests/unit/jobfile/test-zones.c tests/unit/jobfile/zone.h
tests_unit_jobfile_test_zones_LDADD = $(JOBFILE_LIBS)
EXTRA_DIST += tests/data/jobfiles/bad/002-near-schedul.yaml \
	tests/data/jobfiles/bad/005-near-kubernetes.yaml \
	tests/data/jobfiles/bad/012-near-in-defaults.yaml \
	tests/data/jobfiles/bad/015-duplicate-job.yaml \
	tests/data/jobfiles/bad/019-trap-star-step.yaml \
	tests/data/jobfiles/bad/023-trap-on.yaml \
	tests/data/jobfiles/bad/026-bool-number.yaml \
	tests/data/jobfiles/bad/029-trap-percent-escape.yaml \
	tests/data/jobfiles/bad/032-null-command.yaml \
	tests/data/jobfiles/bad/036-include-tag.yaml \
	tests/data/jobfiles/bad/039-merge-key.yaml \
	tests/data/jobfiles/bad/042-top-is-list.yaml \
	tests/data/jobfiles/bad/045-expr-four-fields.yaml \
	tests/data/jobfiles/bad/048-expr-never.yaml \
	tests/data/jobfiles/bad/051-expr-unknown-macro.yaml \
	tests/data/jobfiles/bad/054-expr-step-zero.yaml \
	tests/data/jobfiles/bad/056-expr-sixth-friday.yaml \
	tests/data/jobfiles/bad/059-expr-second-of-list.yaml \
	tests/data/jobfiles/bad/064-end-before-start.yaml \
	tests/data/jobfiles/bad/067-enum-leftovers.yaml \
	tests/data/jobfiles/bad/072-retry-word.yaml \
	tests/data/jobfiles/bad/075-duration-unit.yaml \
	tests/data/jobfiles/bad/078-duration-list.yaml \
	tests/data/jobfiles/bad/081-log-not-map.yaml \
	tests/data/jobfiles/bad/084-oom-2000.yaml \
	tests/data/jobfiles/bad/087-umask-999.yaml \
	tests/data/jobfiles/bad/095-command-map.yaml \
	tests/data/jobfiles/bad/099-name-65.yaml \
	tests/data/jobfiles/bad/102-name-slash.yaml \
	tests/data/jobfiles/bad/105-name-digits.yaml \
	tests/data/jobfiles/bad/120-delay-over-max.yaml \
	tests/data/jobfiles/bad/123-three-errors.yaml \
	tests/data/jobfiles/bad/127-control-raw.yaml \
	tests/data/jobfiles/bad/130-surrogate-utf8.yaml \
	tests/data/jobfiles/bad/133-utf16-no-bom.yaml \
	tests/data/jobfiles/bad/136-comments-only.yaml \
	tests/data/jobfiles/bad/139-line-separator.yaml \
	tests/data/jobfiles/bad/142-unknown-keep-output.yaml \
	tests/data/jobfiles/bad/145-quoted-numbers.yaml \
	tests/data/jobfiles/bad/148-size-mb.yaml \
	tests/data/jobfiles/bad/151-duration-fraction.yaml \
	tests/data/jobfiles/bad/154-literals-in-env.yaml \
	tests/data/jobfiles/bad/157-schedule-in-defaults.yaml \
	tests/data/jobfiles/bad/160-catch-up-limit-alone.yaml \
	tests/data/jobfiles/bad/163-io-class-8.yaml \
	tests/data/jobfiles/bad/166-every-nothing.yaml \
	tests/data/jobfiles/bad/169-labels-list.yaml \
	tests/data/jobfiles/bad/172-no-break-in-plain.yaml \
	tests/data/jobfiles/bad/175-bidi-isolate.yaml \
	tests/data/jobfiles/bad/178-negative-code.yaml \
	tests/data/jobfiles/bad/181-keep-negative.yaml \
	tests/data/jobfiles/bad/186-random-range.yaml \
	tests/data/jobfiles/expected-bad.tsv \
	tests/data/jobfiles/good/08-retry-tempfail.yaml \
	tests/data/jobfiles/good/17-reboot.yaml \
	tests/data/jobfiles/good/19-month-ends.yaml \
	tests/data/jobfiles/good/29-bom-crlf.yaml \
	tests/data/jobfiles/good/33-backfillable.yaml \
	tests/data/jobfiles/good/37-past-at.yaml \
	tests/data/jobfiles/good/41-expressions.yaml \
	tests/data/jobfiles/good/46-hashed-and-random.yaml \
	tests/data/jobfiles/stage.tsv
