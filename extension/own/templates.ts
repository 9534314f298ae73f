/** The texts of new files of a person's own, under the line that names their types. */

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

export const analysisTemplate = `import { analysis, build, field, figure, list, object } from 'headscope';

// Save the file: Headscope loads it and says what is wrong. "Run on a Model…" in the title of the editor runs it.
// docs/own-analyses.md says what else it may hold, and what it can ask of the model.
export default analysis({
  title: 'My focus',
  question: 'How much does each head give its most-read key?',
  group: 'patterns',
  source: { reference: 'Mine', trust: 'low' },
  inputs: ['prompt'],
  parameters: { layer: field.integer('Layer', 'The layer, from 0.', { min: 0, max: 999, default: 0 }) },
  // What a run gives: saved, compared and exported as it is. NaN may stand where the schema has figure.
  result: object({ layer: figure, focus: list(figure) }),
  supports: ({ blocks }, { layer }) =>
    layer < blocks.length
      ? { ok: true }
      : { ok: false, byParameters: true, why: \`The model has \${blocks.length} layers. Choose a lower one.\` },
  // Runs of the model, and bytes that they need beside it.
  estimate: () => ({ passes: 1, bytes: 0 }),
  async *run(model, { input, parameters: { layer }, variant, groups }) {
    const [prompt] = input.prompts;
    if (!prompt) throw new Error('A prompt is needed.');
    yield { sentence: 'Running the prompt', done: 0, total: 1 };
    const maps = Array.from({ length: model.facts.blocks[layer]!.heads }, (_, head) => ({ layer, head }));
    const { layers } = await model.run({ ...prompt, groups, variants: [variant], maps, logits: 'none' });
    const tokens = prompt.ids.length;
    // The weights of a head, [tokens, tokens]: the row of a query sums to 1.
    const focus = maps.map(({ head }) => {
      const map = layers[layer]!.maps.get(head)!;
      const largest = Array.from({ length: tokens }, (_, row) =>
        Math.max(...map.subarray(row * tokens, (row + 1) * tokens)),
      );
      return largest.reduce((sum, value) => sum + value, 0) / tokens;
    });
    return { layer, focus };
  },
  // One sentence, and what is shown. Both may be asked while only a part of the result is known.
  finding: ({ layer, focus = [] }) => \`The sharpest head of layer \${layer} gives its key \${Math.max(...focus).toFixed(2)}.\`,
  sections: ({ focus = [] }) => [
    build.table(
      'focus',
      'Heads',
      '',
      focus.map((value, head) => ({ head, value })),
      [
        build.count('head', 'Head', '', (row) => row.head),
        build.number('focus', 'Focus', 'Largest weight of a query, mean over queries.', (row) => row.value),
      ],
    ),
  ],
});
`;

export const taskTemplate = `import { field, pick, sample, task, textDraft, words } from 'headscope';

// Save the file: Headscope loads it and says what is wrong. Forms offer it among the tasks from then on.
// docs/own-tasks.md says what else it may hold.
export default task({
  title: 'Colour of a thing',
  metric: 'logit-difference',
  source: { reference: 'Mine', trust: 'low' },
  parameters: { shots: field.integer('Sentences', 'Sentences about one thing each.', { min: 1, max: 8, default: 2 }) },
  // Positions of the prompt by name; prompt and counterpart differ in those of \`changed\` alone.
  roles: { colour: 'the colour that is asked for' },
  changed: 'colour',
  // One prompt. It draws from \`random\` alone, so that a seed gives the same prompts again.
  draw({ random }, { shots }) {
    const [right, wrong] = sample(random, words.colours, 2);
    const thing = pick(random, words.objects);
    const said = Array.from({ length: shots }, () => [
      \`The \${thing} is\`,
      ['colour', \` \${right}\`, \` \${wrong}\`] as const,
      '. ',
    ]).flat();
    return textDraft([...said, \`The \${thing} is\`], {
      answers: { right: [\` \${right}\`], wrong: [\` \${wrong}\`] },
      counterpartAnswers: { right: [\` \${wrong}\`], wrong: [\` \${right}\`] },
      facts: { thing },
    });
  },
});
`;
