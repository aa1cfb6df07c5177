# daemon/proto
