/** One polite live region for the whole panel: what a sighted person sees change is also said. */
let region: HTMLElement | undefined;

export function announce(sentence: string): void {
  if (!region) {
    region = document.createElement('div');
    region.className = 'unseen';
    region.setAttribute('role', 'status');
    region.setAttribute('aria-live', 'polite');
    document.body.append(region);
  }
  // A repeated sentence is only read again when the text changes.
  region.textContent = region.textContent === sentence ? `${sentence}\u00a0` : sentence;
}
