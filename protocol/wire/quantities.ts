/** Sizes and times as a person writes them: `6GB`, `512MiB`, `90s`, `1h30m`. */

const sizeUnits: Readonly<Record<string, number>> = {
  '': 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
};

/** Whole bytes; undefined where the text is no size above 0. */
export function bytesOfText(text: string): number | undefined {
  const parts = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/iu.exec(text);
  const unit = sizeUnits[parts?.[2]?.toLowerCase() ?? '?'];
  const value = Math.floor(Number(parts?.[1]) * (unit ?? Number.NaN));
  return Number.isSafeInteger(value) && value > 0 ? value : undefined;
}

/** Seconds of a text such as `90s`, `30m`, `2h`, `1d12h`; undefined where it is no time above 0. */
export function secondsOfText(text: string): number | undefined {
  const parts = /^\s*(?:(\d+)\s*d)?\s*(?:(\d+)\s*h)?\s*(?:(\d+)\s*m(?:in)?)?\s*(?:(\d+)\s*s)?\s*$/iu.exec(text);
  if (parts === null) return undefined;
  const [days, hours, minutes, seconds] = parts.slice(1).map((part: string | undefined) => Number(part ?? 0));
  const value = 86_400 * (days ?? 0) + 3600 * (hours ?? 0) + 60 * (minutes ?? 0) + (seconds ?? 0);
  return Number.isSafeInteger(value) && value > 0 ? value : undefined;
}

/** The largest unit that a person reads: `45 s`, `12 min`, `3.4 h`, `2.1 days`. */
export function timeInWords(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${(seconds / 3600).toFixed(1)} h`;
  return `${(seconds / 86_400).toFixed(1)} days`;
}
