/** Task files: one around the body of `draw`, and bad input with what must be said of each. */
import { ownSeconds, type Planted } from './own-files';

/** A whole task around the body of `draw`, which begins on line 11. */
export const taskOf = (
  draw: string,
  more = '',
): string => `import { field, pick, task, textDraft, Unfit, words } from 'headscope';
export default task({
  title: 'Mine',
  metric: 'logit-difference',
  source: { reference: 'Mine', trust: 'low' },
  parameters: { times: field.integer('Times', 'How often.', { min: 1, max: 9, default: 2 }) },
  roles: { name: 'the name' },
  changed: 'name',
  // Behind a comment with draw(: the line of a fault is that of the code.
  draw({ random, number, tokens, count }: any, { times }: any): any {
${draw}
  },
${more}
});
`;

/** A name and another one, \`times\` times; the answer is the name. */
export const repeated = `    const name = pick(random, words.names);
    const other = pick(random, words.names.filter((one) => one !== name));
    const parts = Array.from({ length: times }, () => ['name', ' ' + name, ' ' + other] as const);
    return textDraft(parts, { answers: { right: [' ' + name], wrong: [' ' + other] }, facts: { times } });`;

const draft = (changes: string): string =>
  `    return { kind: 'text', text: 'one two', spans: {}, answers: { right: [' one'], wrong: [' two'] }, facts: {}, ${changes} };`;

export const badTasks: Readonly<Record<string, Planted>> = {
  'it throws': { source: taskOf("    throw new Error('no luck');"), said: /no luck/, line: 11 },
  'it never ends': {
    source: taskOf('    for (;;) {}'),
    said: new RegExp(`computed for more than ${ownSeconds} s without an answer and was ended`, 'u'),
    line: 10,
  },
  'it allocates 50 GB': {
    source: taskOf(
      '    const all = [];\n    for (let i = 0; i < 50; i++) all.push(new Float64Array(2 ** 27).fill(i));\n    return all;',
    ),
    said: /needed more than 2 GB of memory and was ended/,
    line: 10,
  },
  'a function in a prompt': {
    source: taskOf(draft('counterpart: () => 1')),
    said: /counterpart is a function\. It has to be data/,
    line: 10,
  },
  'a promise in place of a prompt': {
    source: taskOf(`    return Promise.resolve(1);`),
    said: /draft is an object of Promise/,
    line: 10,
  },
  'a text in place of a prompt': { source: taskOf("    return 'one';"), said: /is no prompt of a task/, line: 10 },
  'a prompt without text': { source: taskOf(draft("text: ''")), said: /text is not a non-empty text/, line: 10 },
  'no right answer': {
    source: taskOf(draft("answers: { right: [], wrong: [' two'] }")),
    said: /answers\.right is not a list of texts/,
    line: 10,
  },
  'no wrong answer for a difference': {
    source: taskOf(draft("answers: { right: [' one'], wrong: [] }")),
    said: /no wrong answer, and the metric "logit-difference" compares with one/,
    line: 10,
  },
  'a role that the task does not name': {
    source: taskOf(draft('spans: { colour: [[0, 3]] }')),
    said: /a role "colour", which "roles" does not name/,
    line: 10,
  },
  'a place outside the text': {
    source: taskOf(draft('spans: { name: [[0, 30]] }')),
    said: /A place of the role "name" lies outside the text/,
    line: 10,
  },
  'a counterpart without its place': {
    source: taskOf(draft("counterpart: 'one three'")),
    said: /differs in the role "name", of which it has no place/,
    line: 10,
  },
  'ids that are no tokens': {
    source: taskOf(
      "    return { kind: 'ids', ids: [1, 1e9], counterpart: [1, 2], roles: { name: [1] }, right: 1, wrong: 2, facts: {} };",
    ),
    said: /1000000000 is no token of the model/,
    line: 10,
  },
  'NaN as a fact': { source: taskOf(draft('facts: { depth: NaN }')), said: /facts\.depth is not a number/, line: 10 },
  'a score of NaN': {
    source: taskOf(repeated, "  score: {\n    title: 'S', unit: '', definition: 'D.',\n    of: () => NaN,\n  },"),
    said: /score gave NaN for prompt 1\. Give a finite number/,
    line: 18,
  },
  'a score that throws': {
    source: taskOf(
      repeated,
      "  score: {\n    title: 'S', unit: '', definition: 'D.',\n    of() { throw new Error('no score'); },\n  },",
    ),
    said: /no score/,
    line: 18,
  },
  'a score without its definition': {
    source: taskOf(repeated, "  score: { title: 'S', unit: '', definition: '', of: () => 1 },"),
    said: /"definition" is not what the score of a task has there/,
    line: 16,
  },
  'a metric that is none': {
    source: taskOf(repeated).replace("'logit-difference'", "'beauty'"),
    said: /"metric" is not what a task has there\. .*"logit-difference"/,
    line: 4,
  },
  'a default out of its range': {
    source: taskOf(repeated).replace('default: 2', 'default: 20'),
    said: /times must be/,
    line: 6,
  },
  'no draw': {
    source: "export default { title: 'A', metric: 'loss', source: {}, changed: 'a' };\n",
    said: /no "draw"\. Every task has one/,
    line: 1,
  },
  'no default export': { source: 'export const a = 1;\n', said: /no default export that is a task/, line: 1 },
  'an import of fs': {
    source: `import { readFileSync } from 'fs';\n${taskOf(repeated)}`,
    said: /"fs" cannot be imported: such a file imports from "headscope"/,
    line: 1,
  },
  'syntax that cannot be read': { source: taskOf('    return (;'), said: /It cannot be read/, line: 11 },
  'a type that makes code': {
    source: `${taskOf(repeated)}enum A { B }\n`,
    said: /It cannot be read: .*enum/,
    line: 18,
  },
};
