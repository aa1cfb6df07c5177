# Examples of job files and of a configuration: etc/examples run anywhere, as anybody; etc/jobs.d/examples show what a system's jobs
# look like.  Nothing is put into /etc.
examplesdir = $(docdir)/examples
examples_jobsdir = $(examplesdir)/jobs.d
dist_examples_DATA = etc/examples/hello.yaml etc/examples/report.yaml etc/examples/retry.yaml etc/examples/tidy-up.yaml \
	etc/examples/words.yaml etc/jobschedd.yaml
dist_examples_jobs_DATA = etc/jobs.d/examples/backup.yaml etc/jobs.d/examples/every-second.yaml etc/jobs.d/examples/mail-spool.yaml
