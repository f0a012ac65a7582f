"""Pure helpers without product words; nothing here imports more than the standard library."""
