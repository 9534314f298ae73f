/** What has the focus in the tree of an element: outside of a shadow tree only its host is known to have it. */
export function focusedIn(element: Element): Element | null {
  const root = element.getRootNode();
  return root instanceof Document || root instanceof ShadowRoot ? root.activeElement : null;
}
