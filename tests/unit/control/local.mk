# tests/unit/control
