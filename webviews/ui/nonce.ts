/**
 * The toolkit probes the browser with a style element while it loads, and takes the nonce for it from this tag alone
 * (fast-web-utilities 5.4.1, `canUseFocusVisible`). So this module has to be imported before the toolkit.
 */
const script = document.currentScript;
const nonce =
  (script instanceof HTMLScriptElement ? script.nonce : '') || document.getElementById('root')?.dataset['nonce'];
const tag = document.createElement('meta');

if (nonce) {
  tag.setAttribute('property', 'csp-nonce');
  tag.content = nonce;
  document.head.append(tag);
}

/** Once the toolkit is there, nobody needs the nonce again. */
export const forgetNonce = (): void => tag.remove();
