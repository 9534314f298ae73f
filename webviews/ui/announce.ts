/** One polite live region for the whole panel: what a sighted person sees change is also said. */
const unseen = [
  ['position', 'absolute'],
  ['width', '1px'],
  ['height', '1px'],
  ['overflow', 'hidden'],
  ['clip-path', 'inset(50%)'],
] as const;

let region: HTMLElement | undefined;

export function announce(sentence: string): void {
  if (!region) {
    region = document.createElement('div');
    region.className = 'unseen';
    region.setAttribute('role', 'status');
    region.setAttribute('aria-live', 'polite');
    // In a page that is not ours no style hides it.
    for (const [name, value] of unseen) region.style.setProperty(name, value);
    document.body.append(region);
  }
  // A repeated sentence is only read again when the text changes.
  region.textContent = region.textContent === sentence ? `${sentence}\u00a0` : sentence;
}
