# Units, and what makes the folders and groups they need.  What holds a path of the installation is made here, not by
# configure, since ${prefix} is only known to make.
if INSTALL_UNITS
systemdsystemunit_DATA = systemd/jobschedd.socket
nodist_systemdsystemunit_DATA = systemd/jobschedd.service
endif
if INSTALL_TMPFILES
tmpfiles_DATA = systemd/jobsched.conf
endif
if INSTALL_SYSUSERS
sysusers_DATA = systemd/sysusers/jobsched.conf
endif
EXTRA_DIST += systemd/jobschedd.service.in systemd/jobschedd.socket systemd/jobsched.tmpfiles.conf \
	systemd/jobsched.sysusers.conf
CLEANFILES += systemd/jobschedd.service systemd/jobsched.conf systemd/sysusers/jobsched.conf
check_DATA += systemd/jobschedd.service

systemd/jobschedd.service: $(srcdir)/systemd/jobschedd.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd && $(SED) 's|@sbindir[@]|$(sbindir)|g' $(srcdir)/systemd/jobschedd.service.in >$@.tmp && mv $@.tmp $@

# Both are called jobsched.conf where they go.
systemd/jobsched.conf: $(srcdir)/systemd/jobsched.tmpfiles.conf
	$(AM_V_GEN)$(MKDIR_P) systemd && cp $(srcdir)/systemd/jobsched.tmpfiles.conf $@

systemd/sysusers/jobsched.conf: $(srcdir)/systemd/jobsched.sysusers.conf
	$(AM_V_GEN)$(MKDIR_P) systemd/sysusers && cp $(srcdir)/systemd/jobsched.sysusers.conf $@
