"""The child half of `infra.ytdlp`: code that knows a thousand sites runs here, and reaches one proxy."""
