# Job files: YAML -> struct job, configuration, zones, the folder watcher.
noinst_LIBRARIES += libjobfile.a
libjobfile_a_SOURCES = daemon/jobfile/zones.c daemon/jobfile/zones.h
