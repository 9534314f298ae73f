/** Whether the person has opened or closed that part of the panel; else as it is to begin with. */
export const isOpen = (
  { view }: { readonly view: { readonly open: Readonly<Record<string, boolean>> } },
  disclosure: string,
  otherwise: boolean,
): boolean => view.open[disclosure] ?? otherwise;
