// Runs before the first paint (a plain script in <head>), so that a chosen theme never flashes.
try {
  const chosen = localStorage.getItem('polyreel-theme');
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
} catch { /* storage may be forbidden: then the system decides */ }
