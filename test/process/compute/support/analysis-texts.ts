/** Analysis files: a copy of a built-in one, one that calls every part of the model, and bad input with what must be said of each. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { ownSeconds, type Planted } from './own-files';

const diagnostics = path.resolve(__dirname, '../../../../diagnostics');

/** A folder of the catalogue as one file: its own imports go, and one of `headscope` takes their place. */
export async function copyOfBuiltIn(
  folder: string,
  parts: readonly string[],
  imports: string,
  exported: string,
): Promise<string> {
  const texts = await Promise.all(parts.map((part) => readFile(path.join(diagnostics, folder, `${part}.ts`), 'utf8')));
  const bodies = texts.map((text) => text.replaceAll(/^import [^;]*;\n/gmu, ''));
  return `import { ${imports} } from 'headscope';\n${bodies.join('\n')}\nexport default ${exported};\n`;
}

/** A whole analysis around the body of `run`, which begins on line 14. */
export const analysisOf = (
  run: string,
  more = '',
  result = '{ value: figure }',
): string => `import { field, figure, list, object, type Analysis } from 'headscope';
type R = { readonly value: number };
export default {
  title: 'Mine',
  question: 'What is it?',
  group: 'patterns',
  source: { reference: 'Mine', trust: 'low' },
  inputs: ['prompt'],
  parameters: { times: field.integer('Times', 'How often.', { min: 1, max: 9, default: 2 }) },
  result: object(${result}),
  supports: () => ({ ok: true }),
  estimate: () => ({ passes: 1, bytes: 0 }),
  async *run(model: any, { input, parameters, variant, step }: any): any {
${run}
  },
  finding: ({ value }: Partial<R>) => \`The value is \${value}.\`,
  sections: () => [],
${more}
};
`;

export const badAnalyses: Readonly<Record<string, Planted>> = {
  'a function in the result': {
    source: analysisOf('    return { value: () => 1 };'),
    said: /result\.value is a function\. It has to be data/,
    line: 13,
  },
  'a result that holds itself': {
    source: analysisOf('    const result: any = { value: 1 };\n    result.again = result;\n    return result;'),
    said: /result\.again holds itself/,
    line: 13,
  },
  'NaN where the schema forbids it': {
    source: analysisOf('    return { value: NaN };', '', '{ value: list(figure) }'),
    said: /not what its schema says\. value is not a list/,
    line: 13,
  },
  'an infinite number': {
    source: analysisOf('    return { value: 1 / 0 };'),
    said: /holds an infinite number/,
    line: 13,
  },
  'a result that is too large': {
    source: analysisOf("    return { value: 1, text: Array.from({ length: 80 }, () => 'x'.repeat(2 ** 20)) };"),
    said: /MB as JSON, and 64 MB is the most/,
    line: 13,
  },
  'it throws': {
    source: analysisOf("    await model.encode('a');\n    throw new Error('no luck');"),
    said: /no luck/,
    line: 15,
  },
  'it never ends': {
    source: analysisOf('    for (;;) {}'),
    said: new RegExp(`computed for more than ${ownSeconds} s without an answer and was ended`, 'u'),
    line: 13,
  },
  'it waits for nothing': {
    source: analysisOf('    await new Promise(() => {});'),
    said: /waits for something that never comes/,
    line: 13,
  },
  'it allocates 50 GB': {
    source: analysisOf(
      '    const all = [];\n    for (let i = 0; i < 50; i++) all.push(new Float64Array(2 ** 27).fill(i));\n    return { value: all.length };',
    ),
    said: /needed more than 2 GB of memory and was ended/,
    line: 13,
  },
  'it imports a module of Node': {
    source: `import { readFileSync } from 'node:fs';\n${analysisOf('    return { value: 1 };')}`,
    said: /"node:fs" cannot be imported: such a file imports from "headscope"/,
    line: 1,
  },
  'a type that makes code': {
    source: `enum A { B }\n${analysisOf('    return { value: 1 };')}`,
    said: /It cannot be read: .*enum/,
    line: 1,
  },
  'a token that the model does not have': {
    source: analysisOf("    await model.run({ ids: [1, 1e9], logits: 'last' });\n    return { value: 1 };"),
    said: /ids holds 1000000000, which is no token of the model/,
    line: 14,
  },
  'a head that the layer does not have': {
    source: analysisOf(
      '    await model.run({ ids: [1, 2], maps: [{ layer: 0, head: -1 }] });\n    return { value: 1 };',
    ),
    said: /maps names head -1 of layer 0, which has \d+, from 0/,
    line: 14,
  },
  'a layer that the model does not have': {
    source: analysisOf(
      '    await model.run({ ids: [1, 2], maps: [{ layer: 99, head: 0 }] });\n    return { value: 1 };',
    ),
    said: /maps names layer 99: the model has \d+, from 0/,
    line: 14,
  },
  'one sequence where a list is taken': {
    source: analysisOf('    await model.losses({ ids: [1, 2] } as any);\n    return { value: 1 };'),
    said: /model\.losses was given something else than it takes .*Compare the call with its type/,
    line: 14,
  },
  'a call that no model has': {
    source: analysisOf('    await (model as any).open(1);\n    return { value: 1 };'),
    said: /A model has no "open"/,
    line: 14,
  },
  'a call that cannot cross': {
    source: analysisOf('    await model.beside();\n    return { value: 1 };'),
    said: /An analysis file cannot use model\.beside/,
    line: 14,
  },
  'a file that no parameter names': {
    source: analysisOf("    await model.textFile('/etc/passwd');\n    return { value: 1 };"),
    said: /Only a file that a parameter names can be read/,
    line: 14,
  },
  'sections that cannot be shown': {
    source: analysisOf('    return { value: 1 };').replace('sections: () => []', "sections: () => [{ kind: 'film' }]"),
    said: /What sections gives cannot be shown/,
    line: 17,
  },
  'an object for a schema': {
    source: analysisOf('    return { value: 1 };').replace('object({ value: figure })', '{ value: figure }'),
    said: /"result" is an object and no schema\. Say what its fields are/,
    line: 10,
  },
  'a compare that is no function': {
    source: analysisOf('    return { value: 1 };', '  compare: [],'),
    said: /"compare" is no function\. Leave it out/,
    line: 18,
  },
  'no default export': { source: 'export const a = 1;\n', said: /no default export that is an analysis/, line: 1 },
};
