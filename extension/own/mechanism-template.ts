/** The text of a new mechanism, under the line that names its types. */
export const mechanismTemplate = `import { field, shortForm } from 'headscope';

// Save the file: Headscope proves it against its own float64 reference and times it beside the baseline.
// docs/own-mechanisms.md says what else it may hold.
export default shortForm<{ readonly window: number }>({
  title: 'My window',
  parameters: { window: field.integer('Window', 'Keys that a query reads.', { min: 1, max: 4096, default: 64 }) },
  // Which keys a query reads, by positions. Causal attention leaves out later keys by itself.
  maskMod: ({ query, key }, { window }) => Math.abs(query - key) < window,
  // The score in place of q·k / √d; the same function is the reference (on numbers) and the graph (on tensors).
  scoreMod: (score, { query, key }, m) => m.subtract(score, m.multiply(0.01, m.absolute(m.subtract(query, key)))),
});
`;
