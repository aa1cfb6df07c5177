# daemon/calendar
