/** Gradients of runs with interventions: of every kind, against central differences of the run with it in float64. */
import { changesOf } from '../../../models/instrument/changes/changes';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { runGradients } from '../../../compute-server/model/gradient/gradient-run';
import { leadingDirections } from '../../../compute-server/model/run/changes/leading-directions';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import type { GradientRequest } from '../../../diagnostics/model-runner/gradients';
import { parseDo } from '../../../protocol/interventions/do-form';
import { kindNames, type Intervention, type KindName } from '../../../protocol/interventions/interventions';
import { openPlanted, type OpenPlanted } from '../../support/checkpoints/open-planted';
import { tinyExperts } from '../../support/checkpoints/tiny-experts';
import { scatteredTensors, writeDictionary } from '../../support/dictionaries';
import type { Tensors } from '../../support/safetensors-file';
import type { LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { openTiny, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { tinyModel, tinyTensors } from '../../support/checkpoints/tiny-models';
import { runnerOf } from '../../support/model-jobs';
import { Float64Model } from './float64-model';
import { assertGradients, assertInChunks, blockTaps, Kinks } from './model-check';

const ids = [5, 17, 3, 42, 17, 8, 29, 3, 50, 11];
const other = 'ids:9,2,44,17,1,60,3,8,21,5';

/** What is chosen by the data has no gradient. */
const refused = {
  longheads: 'longheads:w=1,S=3',
  'block-retrieval': 'block-retrieval:*.*:B=1,k=1',
} satisfies Partial<Record<KindName, string>>;
type Refused = keyof typeof refused;

/** Interventions on models with routed experts. */
const routed = {
  'force-expert': 'force-expert:1.3@2-6',
  'forbid-expert': 'forbid-expert:1.1',
  'bias-expert': 'bias-expert:1.2@1-7=0.7',
} satisfies Partial<Record<KindName, string>>;
type Routed = keyof typeof routed;

/** Interventions on encoder-decoders are tested in cross-attention.test.ts, those on recurrences in states.test.ts. */
type Elsewhere = 'cross-gain' | 'cross-head' | 'encoder' | 'state-gain' | 'state-head';

/** One of each kind, which changes what positions of the second and third chunk of four read, or all of them. */
const forms: { readonly [K in Exclude<KindName, Refused | Routed | Elsewhere>]: string } = {
  gain: 'gain:1.2=-0.6',
  bias: 'bias:1.2:2-6=1.5',
  weight: 'weight:0.1:0-4=0.3',
  head: `head:0.3@5-6=${other}`,
  mlp: `mlp:0@2-9=${other}`,
  residual: `residual:0@6-7=${other}`,
  add: `add:0@3-8=0.7*file:${resolve('test/fixtures/steering/tiny.json')}`,
  feature: `feature:2@2-8=-0.5+0.3*file:${resolve('test/fixtures/dictionaries/tiny')}`,
  query: `query:1.0=${other}`,
  key: `key:1.1@3-8=${other}`,
  value: `value:0.1=${other}`,
  freeze: `freeze:*.*,mlp*,-0.2,-mlp1@1-8=${other}`,
  uniform: 'uniform:1.3',
  phase: 'phase:1.1=0.4,0.7',
  isolate: 'isolate:1.1,0.*:1-3,5/6-8=1.5',
  plan: 'plan:*.*=1+2+mean/1.0=0+3',
  'low-rank': 'low-rank:*=11',
  reposition: 'reposition:1:2-3>5-8',
  redistribute: 'redistribute:1.1,0.*:0-2>rest=0.6;region=1-5;least=0.1',
  emphasis: 'emphasis:1.1,0.*:2-6=0.7;rows=all',
  reinforce: 'reinforce:0,1@2-4=2',
  unsuppress: 'unsuppress:1=0.7',
  units: 'units:1.2-5,7=-0.4',
  moh: 'moh:0=1+1/1=(2)+1',
};

const read = (form: string): Intervention => {
  const one = parseDo(form);
  assert.ok(one.ok, form);
  return one.value;
};

async function assertDifferences(
  model: LoadedModel,
  tensors: Tensors,
  what: string,
  interventions: readonly Intervention[],
): Promise<void> {
  const { spec } = model;
  const { variant, groups = [] } = await runnerOf(model).variant(interventions, { ids });
  assert.notDeepEqual(variant, []);
  const request: GradientRequest = {
    ids,
    groups: groups.length > 0 ? groups : [{ name: 'first', positions: [0] }],
    variant,
    objective: {
      kind: 'logits',
      terms: [
        { row: 9, token: 7, weight: 1 },
        { row: 6, token: 30, weight: -1 },
      ],
    },
    taps: spec.blocks.flatMap(({ index }) => blockTaps.map((tap) => ({ layer: index, tap }))),
    headGains: true,
    scoreBiases: true,
    embedding: true,
    weights: spec.blocks.flatMap(({ attention }) => attention!.output.weight),
  };
  const kinks = new Kinks();
  const result = await runGradients(model, { ...request, chunk: ids.length });
  const directions = new Map<number, Float32Array>();
  for (const { layer } of changesOf(variant, 'unsuppress')) {
    const { ids } = request;
    const { residuals } = await runPrompt(spec, model.sessions, {
      ...{
        ids,
        chunk: ids.length,
        logits: 'none',
        variants: [variant],
        groups: request.groups!,
        keepResiduals: [layer],
      },
    });
    const residual = { data: residuals[0]!.chunks[0]!, shape: [1, ids.length, spec.hiddenSize] };
    directions.set(layer, (await leadingDirections(spec, model.sessions, layer, [variant], residual))!);
  }
  const reference = new Float64Model(spec, model.weights, tensors, request, directions);
  assertGradients(what, result, reference, kinks, false);
  assert.ok(kinks.moved === 0, what);
  const windows = spec.blocks.map(({ attention }) => attention!.window ?? Infinity);
  assertInChunks(await runGradients(model, { ...request, chunk: 4 }), result, windows);
}

describe('Law: gradients of a run with interventions are central differences of that run', function () {
  this.timeout(60_000);
  /** Grouped heads, and soft capping with a window. */
  for (const name of ['llama', 'gemma2']) {
    describe(name, () => {
      let opened: OpenTiny;
      before(async () => {
        opened = await openTiny(name);
      });
      after(() => opened.close());

      const check = (what: string, interventions: readonly Intervention[]): Promise<void> =>
        assertDifferences(opened.model, tinyTensors(tinyModel(name)), what, interventions);

      for (const kind of kindNames) {
        if (!(kind in forms)) continue;
        const form = forms[kind as Exclude<KindName, Refused | Routed | Elsewhere>];
        it(kind, () => check(kind, [read(form)]));
      }

      if (name === 'llama') {
        for (const form of Object.values(refused)) {
          it(`${form}: refused, as what is chosen has no gradient`, () =>
            assert.rejects(check(form, [read(form)]), /chooses the blocks that it reads/));
        }
        it('a feature of a TopK dictionary that scales', async () => {
          const folder = mkdtempSync(join(tmpdir(), 'headscope-gradients-'));
          try {
            const width = opened.model.spec.hiddenSize;
            const path = writeDictionary(
              folder,
              {
                ...{ architecture: 'topk', k: 3, normalize_activations: 'layer_norm' },
                hook_name: 'blocks.0.hook_resid_post',
              },
              scatteredTensors(width, 6),
            );
            await check(
              'scaled',
              [0, 1, 2].map((index) => read(`feature:${index}@2-8=-0.5+0.3*file:${path}`)),
            );
          } finally {
            rmSync(folder, { recursive: true });
          }
        });
      }

      it('several at once', () =>
        check(
          'several',
          (['gain', 'bias', 'weight', 'query', 'key', 'uniform', 'mlp'] as const).map((kind) => read(forms[kind])),
        ));
    });
  }

  for (const family of ['qwen3_moe', 'glm4_moe'] as const) {
    describe(family, () => {
      const made = tinyExperts(family);
      let opened: OpenPlanted;
      before(async () => {
        opened = await openPlanted(made);
      });
      after(() => opened.close());
      it(Object.keys(routed).join(', '), async () => {
        for (const form of Object.values(routed))
          await assertDifferences(opened.model, made.tensors, form, [read(form)]);
      });
    });
  }
});
