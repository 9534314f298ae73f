// What failed in a run of npm test, for its last lines: the output of a step may stand thousands of lines above them.

/** Most lines of one error, and of the end of what a step printed. */
const longest = 12;

const indented = (text, by) =>
  text
    .split('\n')
    .map((line) => `${by}${line}`.trimEnd())
    .join('\n');

/** The last lines that say something: a step that was not a tier, or ended early, tells there what was wrong. */
function endOf(text) {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.length > longest ? ['…', ...lines.slice(-longest)] : lines;
}

const named = (name, { file, title, error }, note) => {
  const lines = error.split('\n');
  // One more than the tests keep: their line with the place in the code.
  const shown = lines.length > longest + 2 ? [...lines.slice(0, longest), '…'] : lines;
  return `  ${name}: ${[file, title].filter(Boolean).join(': ')}${note}\n${indented(shown.join('\n'), '    ')}`;
};

/**
 * The lines of one step, none where nothing failed. `failures` and `retried` are what a tier wrote of its tests; `why` is what was
 * wrong with the step beside them, and `text` what it printed, where that was kept.
 */
export function failureLines({ name, failed, failures = [], retried = [], why, text = '' }) {
  const lines = failures.map((failure) => named(name, failure, ''));
  if (failed > failures.length) {
    const said = why ?? 'it failed';
    lines.push([`  ${name}: ${said}`, ...endOf(text).map((line) => indented(line, '    '))].join('\n'));
  }
  return [...lines, ...retried.map((test) => named(name, test, ' (passed when it was run again)'))];
}
