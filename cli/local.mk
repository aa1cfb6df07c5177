# cli: what is built and installed from here.
