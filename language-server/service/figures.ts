/** Bytes with binary units, three significant figures: `16 KiB`, `1.25 GiB`. */
export const formatBytes = (bytes: number): string => {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? String(value) : Number(value.toPrecision(value >= 1000 ? 4 : 3))} ${units[unit] ?? ''}`;
};

/** Counts with decimal words: `124 M`, `7.24 B`. */
export const formatCount = (count: number): string => {
  const units = ['', ' K', ' M', ' B', ' T'];
  let value = count;
  let unit = 0;
  while (Math.abs(value) >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${Number(value.toPrecision(3))}${units[unit] ?? ''}`;
};

/** Tokens as people say them: 2048 is `2k`, 131072 is `128k`; others in full. */
export const formatLength = (tokens: number): string =>
  tokens >= 1024 && tokens % 1024 === 0 ? `${tokens / 1024}k` : String(tokens);

/** `a : b` in lowest terms when b divides a, else the plain quotient. */
export const formatRatio = (heads: number, kvHeads: number): string =>
  heads % kvHeads === 0 ? `${heads / kvHeads}:1` : `${heads}:${kvHeads}`;
