// Requests to this server: JSON in and out, one error type, and back to sign-in when the session is over.

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export function goToLogin() {
  const next = location.pathname + location.search;
  const home = document.documentElement.dataset.home ?? '/';
  location.assign(`${home === '/' ? '' : home}/login?next=${encodeURIComponent(next)}`);
}

/** A sentence for a failed answer: the server's own when it gave one. */
export function sentenceFor(status, body) {
  if (body && typeof body.message === 'string' && body.message) return body.message;
  if (status === 0) return 'The server cannot be reached. Check the connection and try again.';
  if (status === 403) return 'You are not allowed to do that.';
  if (status === 404) return 'This no longer exists.';
  if (status === 413) return 'This file is larger than the server accepts.';
  if (status === 429) return 'That was too often. Wait a moment and try again.';
  return 'Something went wrong on the server. Try again in a moment.';
}

/** The parsed answer (null when empty); throws ApiError. A 401 leaves for the sign-in page and never settles. */
export async function request(method, url, data) {
  const init = { method, headers: { Accept: 'application/json' }, credentials: 'same-origin' };
  if (data !== undefined) {
    init.headers['Content-Type'] = 'application/json';
    init.body = JSON.stringify(data);
  }
  let response;
  try {
    response = await fetch(url, init);
  } catch {
    throw new ApiError(0, sentenceFor(0));
  }
  if (response.status === 401) {
    goToLogin();
    return new Promise(() => {});
  }
  const body = await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(response.status, sentenceFor(response.status, body));
  return body;
}
