/** A result as a page of its own, which loads and runs nothing, with the JSON inside. */

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

export const resultPage = (title: string, text: string, json: unknown): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title>
<style>
:root { color-scheme: light dark; }
body { margin: 24px auto; max-width: 1180px; padding: 0 16px; font: 14px/1.5 system-ui, sans-serif; }
pre { overflow-x: auto; font: 13px/1.5 ui-monospace, monospace; }
</style>
</head>
<body>
<h1>${escaped(title)}</h1>
<pre>${escaped(text)}</pre>
<script type="application/json" id="headscope-result">${JSON.stringify(json).replaceAll('<', '\\u003c')}</script>
</body>
</html>
`;
