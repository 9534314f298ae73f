import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jointSpaceOf } from '../../../compute-server/runner/joint-space';
import { normWeights } from '../../../compute-server/model/checkpoint/layer-weights';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { encodePicture, patchRows } from '../../../compute-server/model/checkpoint/vision-model';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { architectures, runnable, visionArchitectures } from '../../../models/architectures/catalogue';
import type { Norm } from '../../../models/architectures/model-spec';
import { describeModel } from '../../../models/formats/describe-model';
import { LinearReadout } from '../../../diagnostics/vision/concept-heads/readout';
import type { Sequence } from '../../../diagnostics/model-runner/sequence';
import {
  firstOf,
  readExpected,
  referenceModels,
  type ExpectedArray,
  type ReferenceModel,
} from '../../support/reference/reference-models';

/** For logits, streams and probabilities: at these sizes float32 differs from float64 by less than 3e-5. */
const tolerance = 1e-4;

/** Folders whose config no run follows: the keys that the refusal names, and what is left of them is compared without. */
const refused: Readonly<Record<string, readonly string[]>> = {
  // LlamaConfig has no window: the class reads everything, while the caches of transformers drop keys by it.
  'idefics3--Idefics3ForConditionalGeneration': ['text_config', 'sliding_window'],
  'idefics3--Idefics3Model': ['text_config', 'sliding_window'],
  'smolvlm--SmolVLMForConditionalGeneration': ['text_config', 'sliding_window'],
  'smolvlm--SmolVLMModel': ['text_config', 'sliding_window'],
};

/** Bare classes of a whole: the sentence that such a folder is refused with. */
const unopened: Readonly<Record<string, RegExp>> = {
  'idefics3--Idefics3Model': /has no tensor "model\.text_model\.model\.embed_tokens\.weight"/,
  'smolvlm--SmolVLMModel': /has no tensor "model\.text_model\.model\.embed_tokens\.weight"/,
};

const textFamilies = new Set(architectures.flatMap(({ families }) => families));
const visionFamilies = new Set(visionArchitectures.flatMap(({ families }) => families));

/** Models all of whose parts are of families that run. */
const ofRunningFamilies = referenceModels.filter(({ config }) => {
  const model = describeModel(config);
  const known = model.parts.every(({ family }) => textFamilies.has(family) || visionFamilies.has(family));
  return known && model.parts.length > 0 && !/does not run the family/.test(String(runnable(model)));
});

function assertNear(found: ArrayLike<number | bigint> | undefined, expected: readonly number[], what: string): void {
  assert.equal(found?.length, expected.length, `${what} has another size`);
  let worst = 0;
  expected.forEach((value, i) => {
    const error = Math.abs(Number(found?.[i]) - value);
    if (!(error <= worst)) worst = error;
  });
  assert.ok(worst <= tolerance, `${what} differs by ${worst}`);
}

describe('models equal the classes of transformers that their configs name', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'headscope-reference-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  /** The folder itself, or a copy without the key that is refused. */
  const folderOf = (model: ReferenceModel): string => {
    const path = refused[model.name];
    if (!path) return model.folder;
    const verdict = String(runnable(describeModel(model.config)));
    assert.ok(verdict.startsWith(`${path.join('.')} is `), verdict);
    const copy = join(folder, model.name);
    cpSync(model.folder, copy, { recursive: true, mode: 0 });
    const config = structuredClone(model.config) as Record<string, Record<string, unknown>>;
    delete config[path[0] ?? '']?.[path[1] ?? ''];
    rmSync(join(copy, 'config.json'), { force: true });
    writeFileSync(join(copy, 'config.json'), JSON.stringify(config));
    return copy;
  };

  it('where they are at hand, each family of text that runs is among them', () => {
    const found = new Set(
      ofRunningFamilies.flatMap(({ config }) => describeModel(config).parts.map((one) => one.family)),
    );
    const own = ['x_ecomla'];
    const missing = [...textFamilies].filter((family) => !found.has(family) && !own.includes(family));
    assert.deepEqual(
      missing,
      referenceModels.length === 0 ? [...textFamilies].filter((one) => !own.includes(one)) : [],
    );
  });

  for (const reference of ofRunningFamilies) {
    it(reference.name, async () => {
      const expected = readExpected(reference);
      const opening = openModel(folderOf(reference), { device: 'cpu', threads: 1, limitBytes: 1e9 });
      const why = unopened[reference.name];
      if (why) return assert.rejects(opening, why);
      const model = await opening;
      try {
        const compared = await compare(model, expected);
        assert.ok(compared.length > 0, 'nothing was compared');
      } finally {
        await model.sessions.release();
        if (model.vision && model.vision.sessions !== model.sessions) await model.vision.sessions.release();
      }
    });
  }
});

/** Runs the first item of the batch, and gives the names of what was compared. */
async function compare(model: LoadedModel, expected: ReadonlyMap<string, ExpectedArray>): Promise<readonly string[]> {
  const compared: string[] = [];
  const check = (name: string, found: ArrayLike<number | bigint> | undefined): void => {
    const array = expected.get(`output.${name}`);
    if (!array || !found) return;
    assertNear(found, firstOf(array).data, name);
    compared.push(name);
  };
  const ids = expected.get('input.input_ids');
  const sequence = await sequenceOf(model, ids && firstOf(ids).data, expected);
  // What a pair makes of its texts is compared without the other half: here parts of them are masked.
  const runsText = ids !== undefined && (model.multimodal !== undefined || !model.encoder);
  const spec = runsText || !model.encoder ? model.spec : model.encoder.spec;
  const sessions = runsText || !model.encoder ? model.sessions : model.encoder.sessions;
  const result = await runPrompt(spec, sessions, {
    ...sequence,
    chunk: sequence.ids.length,
    keepLast: true,
    logits: spec.head.vocabulary ? 'all' : 'none',
    taps: spec.blocks.map(({ index }) => ({ layer: index, tap: 'attention.probabilities' })),
  });
  if (spec.head.vocabulary) check('logits', result.logits?.data);
  for (const { index } of spec.blocks)
    check(`attentions.${index}`, result.layers[index]?.taps['attention.probabilities']?.data);
  const last = result.last?.chunks[0] ?? assert.fail();
  const { vision } = model;
  const norm = spec.embedding ? spec.head.norm : vision?.tower.norm;
  check('last_hidden_state', norm && (await normed(model, norm, last)));
  if (!spec.embedding) {
    const joint = jointSpaceOf(model, new AbortController().signal);
    const embedding = joint && new LinearReadout(await joint.readout()).of(last).embedding;
    const length = Math.hypot(...(embedding ?? []));
    check(
      'image_embeds',
      embedding?.map((x) => x / length),
    );
  }
  return compared;
}

/** Rows behind a layer norm or an RMS norm, in float64 and by its equation. */
async function normed(model: LoadedModel, norm: Norm, rows: Float32Array): Promise<readonly number[]> {
  const { gain, bias } = await normWeights(norm, model.weights, model.weightsFolder);
  const { size } = norm;
  return Array.from({ length: rows.length / size }, (_, row) => {
    const own = [...rows.subarray(row * size, (row + 1) * size)];
    const centre = norm.kind === 'layer' ? own.reduce((sum, x) => sum + x, 0) / size : 0;
    const scale = Math.sqrt(own.reduce((sum, x) => sum + (x - centre) ** 2, 0) / size + norm.epsilon);
    return own.map((x, i) => ((x - centre) / scale) * (gain[i] ?? 0) + (bias?.[i] ?? 0));
  }).flat();
}

async function sequenceOf(
  model: LoadedModel,
  ids: readonly number[] | undefined,
  expected: ReadonlyMap<string, ExpectedArray>,
): Promise<Sequence> {
  const pixels = expected.get('input.pixel_values');
  const { vision, multimodal } = model;
  if (ids && !pixels) return { ids };
  if (!pixels || !vision) throw new RangeError('neither ids nor pixels');
  const own = firstOf(pixels);
  const size = own.shape.slice(-3).reduce((product, axis) => product * axis, 1);
  const tiles = Array.from({ length: own.data.length / size }, (_, tile) =>
    Float32Array.from(own.data.slice(tile * size, (tile + 1) * size)),
  );
  if (!ids || !multimodal) return patchRows(vision, tiles[0] ?? assert.fail());
  const { tiles: features, newline } = await encodePicture(vision, { tiles }, 4e9);
  const rows = ids.flatMap((id, at) => (id === multimodal.imageToken ? [at] : []));
  const data = newline ? joinedTiles(features, newline) : features.flatMap((tile) => [...tile]);
  const images = expected.get('output.image_hidden_states');
  // PaliGemma divides them by the root of the width, and Gemma multiplies them by it again.
  const factor = multimodal.bidirectionalPrompt ? model.spec.hiddenSize ** -0.5 : 1;
  if (images)
    assertNear(
      data.map((x) => x * factor),
      images.data.slice(0, data.length),
      'rows of the image',
    );
  assert.equal(data.length, rows.length * model.spec.hiddenSize, 'a row for each token of the image');
  return {
    ids,
    embeddings: { rows, data: Float32Array.from(data) },
    ...(multimodal.bidirectionalPrompt ? { prefix: ids.length } : {}),
  };
}

/** LLaVA-NeXT: the whole picture, then the tiles of a square joined to one map with a newline behind each line. */
function joinedTiles([whole, ...tiles]: readonly Float32Array[], newline: Float32Array): readonly number[] {
  const width = newline.length;
  const side = Math.sqrt((whole?.length ?? 0) / width);
  const across = Math.sqrt(tiles.length);
  const lines = Array.from({ length: across * side }, (_, line) => [
    ...Array.from({ length: across * side }, (_, column) => {
      const tile = tiles[Math.floor(line / side) * across + Math.floor(column / side)] ?? assert.fail();
      const cell = (line % side) * side + (column % side);
      return [...tile.subarray(cell * width, (cell + 1) * width)];
    }).flat(),
    ...newline,
  ]);
  return [...(whole ?? []), ...lines.flat()];
}
