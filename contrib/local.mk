EXTRA_DIST += contrib/install-deps contrib/sum-tests contrib/check contrib/quickstart .ci/run
