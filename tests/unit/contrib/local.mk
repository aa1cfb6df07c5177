TESTS += tests/unit/contrib/test-promises.sh tests/unit/contrib/test-sum.sh tests/unit/contrib/test-scripts.sh
EXTRA_DIST += tests/unit/contrib/test-promises.sh tests/unit/contrib/test-sum.sh tests/unit/contrib/test-scripts.sh
