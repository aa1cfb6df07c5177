# Examples of job files and of a configuration; nothing is put into /etc.
examplesdir = $(docdir)/examples
dist_examples_DATA = etc/examples/hello.yaml etc/examples/report.yaml etc/examples/retry.yaml etc/jobschedd.yaml
