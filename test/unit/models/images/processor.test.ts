import assert from 'node:assert/strict';
import { processPicture } from '../../../../models/images/process';
import { ProcessorError, readProcessor } from '../../../../models/images/processor';
import { clipProcessor, tinyPixels } from '../../../support/checkpoints/tiny-vision';

const single = { kind: 'single' } as const;

describe('settings of image processors', () => {
  it('reads a published CLIP processor of 2021, whose sizes are numbers', () => {
    const settings = readProcessor(
      { feature_extractor_type: 'CLIPFeatureExtractor', size: 224, crop_size: 224, resample: 3, do_resize: true },
      undefined,
    );
    assert.deepEqual(settings.resize, { kind: 'shortest-edge', edge: 224 });
    assert.deepEqual(settings.crop, { height: 224, width: 224 });
    assert.deepEqual([settings.filter, settings.rescale], ['bicubic', 1 / 255]);
    assert.deepEqual(settings.normalise?.mean, [0.48145466, 0.4578275, 0.40821073]);
  });

  it('fills what a file leaves out from the defaults of its class', () => {
    const vit = readProcessor({ image_processor_type: 'ViTImageProcessorFast', size: 96 }, undefined);
    assert.deepEqual(vit.resize, { kind: 'exact', height: 96, width: 96 });
    assert.deepEqual([vit.filter, vit.crop, vit.normalise?.mean[0]], ['bilinear', undefined, 0.5]);
    const idefics = readProcessor({ image_processor_type: 'Idefics3ImageProcessor' }, undefined);
    assert.deepEqual(idefics.tile, { edge: 364, split: true });
    assert.deepEqual(
      [idefics.resize, idefics.filter, idefics.crop],
      [{ kind: 'longest-edge', edge: 1456 }, 'lanczos', undefined],
    );
  });

  it('reads the image processor inside processor_config.json, and what that file counts', () => {
    const settings = readProcessor(undefined, {
      image_processor: clipProcessor(32),
      patch_size: 8,
      vision_feature_select_strategy: 'full',
      num_additional_image_tokens: 1,
      image_seq_length: 16,
    });
    assert.deepEqual(settings.crop, { height: 32, width: 32 });
    assert.deepEqual(settings.claims, { patch: 8, tokens: 16, selectStrategy: 'full', leading: 1 });
  });

  it('leaves out the steps that a file switches off', () => {
    const settings = readProcessor(
      { ...clipProcessor(12), do_resize: false, do_center_crop: false, do_rescale: false, do_normalize: false },
      undefined,
    );
    const picture = tinyPixels(9, 5);
    const { tiles, width, height } = processPicture(picture, settings, single);
    assert.deepEqual([width, height], [9, 5]);
    assert.deepEqual(tiles[0]?.[9 * 5 + 3], picture.data[3 * 3 + 1]);
  });

  it('says which part of the picture a crop shows', () => {
    const { shown } = processPicture(tinyPixels(40, 30), readProcessor(clipProcessor(12), undefined), single);
    assert.deepEqual(shown, { x: 5, y: 0, width: 30, height: 30 });
  });

  it('puts black around a picture smaller than the crop', () => {
    const settings = readProcessor(
      { ...clipProcessor(7), do_resize: false, do_rescale: false, do_normalize: false },
      undefined,
    );
    const picture = { width: 2, height: 3, data: new Uint8Array(18).fill(9) };
    const [tile] = processPicture(picture, settings, single).tiles;
    const rows = Array.from({ length: 7 }, (_, y) => Array.from(tile?.subarray(y * 7, y * 7 + 7) ?? []));
    assert.deepEqual(
      rows.map((row) => row.join('')),
      ['0000000', '0000000', '0009900', '0009900', '0009900', '0000000', '0000000'],
    );
  });

  const wrong: readonly (readonly [name: string, file: unknown, sentence: RegExp])[] = [
    ['no file', undefined, /no preprocessor_config\.json/],
    ['no object', [1], /no preprocessor_config\.json/],
    [
      'an unknown class',
      { image_processor_type: 'FuyuImageProcessor' },
      /"FuyuImageProcessor" is not supported; supported are CLIP/,
    ],
    ['a filter beyond those of Pillow', { resample: 9 }, /resample is 9; Pillow's filters are 0 nearest, 1 lanczos/],
    ['a size of both edges', { size: { shortest_edge: 3, longest_edge: 4 } }, /none of height and width/],
    ['a negative size', { size: -4 }, /size is -4/],
    ['a huge crop', { crop_size: 1e9 }, /crop_size is 1000000000/],
    ['two means', { image_mean: [0.5, 0.5] }, /image_mean is not a list of three numbers\./],
    ['a deviation of 0', { image_std: [1, 0, 1] }, /image_std is not a list of three numbers other than 0/],
    ['a flag that is a word', { do_resize: 'yes' }, /do_resize is neither true nor false/],
    ['a factor that is a word', { rescale_factor: 'half' }, /rescale_factor is not a number/],
    ['pinpoints that are no pairs', { image_grid_pinpoints: [[1, 2], [3]] }, /not a list of \[height, width\] pairs/],
  ];
  for (const [name, file, sentence] of wrong) {
    it(`refuses ${name}`, () => {
      assert.throws(
        () => readProcessor(file, undefined),
        (error) => error instanceof ProcessorError && sentence.test(error.message),
      );
    });
  }
});
