# Stands in for the tests that ask Python.
echo "1..0 # SKIP python3 is missing: zones and next instants are not compared with zoneinfo"
