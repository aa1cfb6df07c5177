# tests/unit/calendar
