dist_man_MANS += man/jobctl.1 man/jobs.d.5 man/jobschedd.yaml.5 man/jobschedd.8
