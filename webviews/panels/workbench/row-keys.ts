/** Arrow keys, Home and End go along the buttons of a list or a row. */
export function onRowKey(event: KeyboardEvent, selector: string): void {
  const rows = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>(selector)];
  const at = rows.indexOf(event.target as HTMLElement);
  const isField = event.target instanceof HTMLInputElement;
  // From the field above it, the first arrow goes to the first row; along a text, arrows go on moving the cursor.
  if (at < 0 && !(isField && event.key === 'ArrowDown')) return;
  const steps: Readonly<Record<string, number>> = {
    ArrowDown: at + 1,
    ArrowRight: at + 1,
    ArrowUp: at - 1,
    ArrowLeft: at - 1,
    Home: 0,
    End: rows.length - 1,
  };
  const to = steps[event.key];
  if (to === undefined) return;
  event.preventDefault();
  rows[Math.min(Math.max(to, 0), rows.length - 1)]?.focus();
}
