# daemon/jobfile
