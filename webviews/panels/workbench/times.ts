/** Times as a person reads them, in the zone of this machine. */

/** `12:03` */
export const clockTime = (iso: string): string =>
  new Date(iso).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });

/** `24 Nov 2026, 12:03` */
export const listedTime = (iso: string): string =>
  `${new Date(iso).toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' })}, ${clockTime(iso)}`;
