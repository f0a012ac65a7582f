// localStorage that never throws: in third-party frames and private windows it may be forbidden.

export function recall(key) {
  try { return localStorage.getItem(key); } catch { return null; }
}

export function remember(key, value) {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, String(value));
  } catch { /* forgetting is acceptable */ }
}
