/** What Look begins with where a command, a menu or a link asks for it. */
import assert from 'node:assert/strict';
import { headsStart, pictureStart } from '../../../extension/panels/workbench/look-start';
import type { AnalysisInput, AnalysisSetup } from '../../../protocol/analysis/schema';
import { demoPrompt, demoVisionPrompt } from '../../../protocol/inputs/demo-prompt';
import { plan } from '../../browser/workbench/workbench-host';

const demos = {
  text: '/demo-lm',
  corpus: '/c.jsonl',
  vision: { folder: '/demo-vlm', image: '/scenes/a.png', scenes: '/scenes', truth: '/scenes/truth.json' },
  encoder: { folder: '/demo-vit', pictures: '/things' },
};
const { interventions } = plan;
const before = (folder: string, input: AnalysisInput): AnalysisSetup => ({ ...plan, folder, input, interventions });
const text = (words: string): AnalysisInput => ({ kind: 'prompt', prompt: { kind: 'text', text: words } });
const seen: AnalysisInput = { kind: 'prompt', prompt: { kind: 'text', text: 'What is it? <image>', image: '/b.png' } };
const corpus: AnalysisInput = { kind: 'corpus', file: '/c.jsonl' };

const brief = ({ analysis, folder, input, interventions: changes }: AnalysisSetup) => [
  analysis,
  folder,
  input.kind === 'prompt' ? input.prompt : input.kind,
  changes.length,
];
const ofText = (words: string) => ({ kind: 'text', text: words });

describe('Show Head Patterns', () => {
  const start = (...given: Parameters<typeof before>) => brief(headsStart(before(...given), demos, {}));

  it('keeps model, prompt and changes that fit, and begins with the demo where none does', () => {
    assert.deepEqual(start('/models/gpt2', text('Hello')), ['heads', '/models/gpt2', ofText('Hello'), 1]);
    assert.deepEqual(start('/models/gpt2', corpus), ['heads', '/models/gpt2', ofText(demoPrompt), 1]);
    assert.deepEqual(start('/models/gpt2', seen), ['heads', '/models/gpt2', ofText(demoPrompt), 1]);
    assert.deepEqual(start('/demo-vlm', seen), ['heads', '/demo-lm', ofText(demoPrompt), 0]);
    assert.deepEqual(start('', { kind: 'none' }), ['heads', '/demo-lm', ofText(demoPrompt), 0]);
    const pair: AnalysisInput = {
      kind: 'prompt-pair',
      prompt: { kind: 'text', text: 'A' },
      counterpart: { kind: 'text', text: 'B' },
    };
    assert.deepEqual(start('/models/gpt2', pair), ['heads', '/models/gpt2', ofText('A'), 1], 'what was typed is kept');
  });

  it('takes the model and the prompt of a link, without changes that name heads of another model', () => {
    const of = (folder: string, input: AnalysisInput, to: Parameters<typeof headsStart>[2]) =>
      brief(headsStart(before(folder, input), demos, to));
    assert.deepEqual(of('/models/gpt2', text('Hello'), { folder: '/m' }), ['heads', '/m', ofText('Hello'), 0]);
    assert.deepEqual(of('/demo-vlm', seen, { text: 'Hi' }), ['heads', '/demo-lm', ofText('Hi'), 0]);
    const picture = { kind: 'image', image: '/scenes/a.png' };
    assert.deepEqual(of('/models/gpt2', text('Hello'), { folder: '/vit', encoder: true }), [
      'heads',
      '/vit',
      picture,
      0,
    ]);
    const alone: AnalysisInput = { kind: 'prompt', prompt: { kind: 'image', image: '/b.png' } };
    assert.deepEqual(of('/demo-vit', alone, { folder: '/m' }), ['heads', '/m', ofText(demoPrompt), 0]);
  });
});

describe('Show Hallucination Heads', () => {
  const start = (folder: string, input: AnalysisInput, sees: boolean, to = {}) =>
    brief(pictureStart(before(folder, input), demos, { sees, ...to }));
  const demo = { kind: 'text', text: demoVisionPrompt, image: '/scenes/a.png' };

  it('keeps a model that sees, and a picture that is there; else it begins with the demo and its scene', () => {
    assert.deepEqual(start('/models/llava', seen, true), [
      'divergence',
      '/models/llava',
      { ...ofText('What is it? <image>'), image: '/b.png' },
      1,
    ]);
    assert.deepEqual(start('/models/llava', text('Hello'), true), ['divergence', '/models/llava', demo, 1]);
    assert.deepEqual(start('/demo-lm', text('Hello'), false), ['divergence', '/demo-vlm', demo, 0]);
  });

  it('takes the picture, the model and the prompt that are named', () => {
    assert.deepEqual(start('/demo-lm', corpus, false, { image: '/x.png' })[2], { ...demo, image: '/x.png' });
    assert.deepEqual(start('/demo-lm', corpus, false, { folder: '/llava' }).slice(1, 3), ['/llava', demo]);
    assert.deepEqual(start('/models/llava', seen, true, { text: 'Say it. <image>' })[2], {
      ...ofText('Say it. <image>'),
      image: '/b.png',
    });
  });
});
