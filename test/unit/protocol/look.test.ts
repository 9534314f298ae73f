/** Which analysis Look asks of a model and an input. */
import assert from 'node:assert/strict';
import type { InputKind } from '../../../protocol/analysis/analysis';
import { lookedAt, lookOf, type LookRequest } from '../../../protocol/analysis/look';

const tower = { family: 'clip', layers: 2, heads: 2, headDim: 8, hiddenSize: 16, imageSize: 32, patchSize: 8 };
const vision = { ...tower, processor: true } as const;
const models = {
  'of text': { name: 'gpt2', vocabulary: 50_257 },
  'that sees': { name: 'llava', vocabulary: 32_000, vision: { ...vision, imageToken: 32_000 } },
  'of text with an encoder beside it': { name: 'clip', vocabulary: 49_408, vision },
  'of pictures alone': { name: 'vit', vocabulary: 0, vision },
} as const;

const looked = (model: keyof typeof models | undefined, prompt: LookRequest['prompt'], input: InputKind = 'prompt') => {
  const look = lookOf({ model: model && models[model], input, prompt });
  return 'why' in look ? look.why : look.analysis;
};

describe('Look', () => {
  it('asks what the heads of a prompt do, and of a prompt with a picture which of them look at it', () => {
    assert.equal(looked('of text', 'text'), 'heads');
    assert.equal(looked('that sees', 'text'), 'heads');
    assert.equal(looked('that sees', 'text-with-picture'), 'divergence');
    assert.equal(looked('of text with an encoder beside it', 'text'), 'heads');
  });

  it('asks the heads of a vision encoder about a picture that stands alone', () => {
    for (const model of ['that sees', 'of text with an encoder beside it', 'of pictures alone'] as const)
      assert.equal(looked(model, 'picture'), 'heads');
  });

  it('goes by the input while the model is not known', () => {
    assert.equal(looked(undefined, 'text'), 'heads');
    assert.equal(looked(undefined, 'text-with-picture'), 'divergence');
  });

  it('says why it asks nothing, and what to do', () => {
    assert.match(looked('of text', 'picture'), /^gpt2 reads no pictures\. Choose a model that reads them/);
    assert.match(looked('of text', 'text-with-picture'), /^gpt2 reads no pictures\./);
    assert.match(looked('of pictures alone', 'text'), /^vit reads pictures and no text\. Choose “Picture”/);
    assert.match(looked('of text with an encoder beside it', 'text-with-picture'), /^clip reads a picture alone/);
    for (const input of ['prompt-pair', 'task', 'corpus', 'image', 'image-set', 'none'] as const)
      assert.match(looked('of text', 'text', input), /^Look reads one prompt\. Choose “Prompt” as the input/);
  });

  it('tells what stands in a prompt', () => {
    const of = (prompt: Parameters<typeof lookedAt>[0] & { kind: 'prompt' }) => lookedAt(prompt).prompt;
    assert.equal(of({ kind: 'prompt', prompt: { kind: 'text', text: 'The cat' } }), 'text');
    assert.equal(of({ kind: 'prompt', prompt: { kind: 'ids', ids: [1], image: '/a.png' } }), 'text-with-picture');
    assert.equal(of({ kind: 'prompt', prompt: { kind: 'image', image: '/a.png' } }), 'picture');
    assert.deepEqual(lookedAt({ kind: 'corpus', file: '/c' }), { input: 'corpus', prompt: 'text' });
  });
});
