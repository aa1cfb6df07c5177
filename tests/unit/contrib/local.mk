TESTS += tests/unit/contrib/test-promises.sh tests/unit/contrib/test-sum.sh tests/unit/contrib/test-scripts.sh
if HAVE_PYTHON3
TESTS += tests/unit/contrib/test-examples.py
endif
EXTRA_DIST += tests/unit/contrib/test-promises.sh tests/unit/contrib/test-sum.sh tests/unit/contrib/test-scripts.sh \
	tests/unit/contrib/test-examples.py
