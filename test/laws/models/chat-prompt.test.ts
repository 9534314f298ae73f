/** A prompt with a picture through the chat template gives the tokens of the same text written out: the special ones are added to it. */
import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { promptForPictures } from '../../../compute-server/model/prompt/prompt';

describe('the chat template of the demo vision-language model', () => {
  let model: LoadedModel;
  before(async () => {
    const folder = resolve(__dirname, '../../../examples/models/demo-vlm');
    model = await openModel(folder, { device: 'cpu', threads: 1, limitBytes: 1e9 });
  });
  after(() => model.sessions.release());

  it('is tokenized as the prompt that the model was trained on', () => {
    const idsOf = (text: string): readonly number[] => promptForPictures(model, { kind: 'text', text }).ids;
    const written = idsOf('USER: <image>\nDescribe the image. ASSISTANT:');
    assert.deepEqual(idsOf('Describe the image.'), written);
    assert.equal(written[0], 0, 'the token of the beginning');
  });
});
