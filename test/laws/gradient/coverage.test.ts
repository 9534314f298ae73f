/** Every operator of the catalogue and of the plain graphs of all families has a rule, or is refused with a reason. */
import assert from 'node:assert/strict';
import { fromBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, type GraphProto } from '../../../kernels/graph/onnx_pb';
import { catalogue } from '../../../kernels/catalogue';
import { gradientRefusals, gradientRules } from '../../../kernels/gradient/rules';
import type { Dim } from '../../../kernels/graph/dims';
import type { Graph } from '../../../kernels/graph/graph';
import { blockGraph } from '../../../models/architectures/block-graph';
import { specifyModel } from '../../../models/architectures/catalogue';
import { embeddingGraph, headGraph } from '../../../models/architectures/edge-graphs';
import { replaceables } from '../../../models/instrument/changes/replacement';
import type { ModelSpec } from '../../../models/architectures/model-spec';
import { inputGradientGraph } from '../../../models/architectures/gradient-graphs';
import { buildPatches, connectorGraph, patchGraph } from '../../../models/architectures/patch-graphs';
import type { StoredWeights } from '../../../models/architectures/stored-weights';
import { towerOver, type VisionTower } from '../../../models/architectures/vision-tower';
import { describeModel } from '../../../models/formats/describe-model';
import { tinyModels, type TinyModel } from '../../support/checkpoints/tiny-models';
import { tinyTower, tinyVlms } from '../../support/checkpoints/tiny-vision';
import { fewCases, settings } from '../kernels/cases';

/** With those of the bodies of Scans and branches. */
function operatorsOf(graph: Graph<Dim>): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = ({ node }: GraphProto): void => {
    for (const { opType, attribute } of node) {
      found.add(opType);
      for (const { g } of attribute) if (g) visit(g);
    }
  };
  visit(fromBinary(ModelProtoSchema, graph.model).graph!);
  return found;
}

function assertCovered(graphs: Iterable<Graph<Dim>>, what: string): void {
  const used = new Set([...graphs].flatMap((graph) => [...operatorsOf(graph)]));
  assert.ok(used.size > 3, `${what} uses ${used.size} operators`);
  for (const operator of used) {
    const reason = gradientRefusals[operator];
    assert.ok(Object.hasOwn(gradientRules, operator) !== (reason !== undefined), `${operator} of ${what}`);
  }
}

const weightsOf = ({ shapes }: Pick<TinyModel, 'shapes'>): StoredWeights => ({
  find(name) {
    const shape = Object.hasOwn(shapes, name) ? shapes[name] : undefined;
    const length = 4 * (shape ?? []).reduce((product, dim) => product * dim, 1);
    return shape && { name, dtype: 'F32', shape, location: 'model.safetensors', offset: 0, length };
  },
});

const stackGraphs = (spec: ModelSpec, weights: StoredWeights): readonly Graph<Dim>[] => [
  ...(spec.embedding ? [embeddingGraph(spec, weights)] : []),
  ...spec.blocks.flatMap((block) => [
    blockGraph(spec, block, weights, { instrumented: false }),
    blockGraph(spec, block, weights, { instrumented: false, changes: ['bias', 'weight', 'uniform', ...replaceables] }),
  ]),
  ...[headGraph(spec, weights)].flatMap((graph) => graph ?? []),
];

const towerGraphs = (tower: VisionTower, weights: StoredWeights): readonly Graph<Dim>[] => [
  patchGraph(tower, weights),
  ...stackGraphs(tower.stack, weights),
];

describe('Law: every operator has a gradient rule or a reason for having none', () => {
  it('in every graph of the catalogue', () => {
    for (const mechanism of catalogue) {
      const graphs: Graph<Dim>[] = [];
      for (const parameters of settings(mechanism)) {
        for (const { shape } of fewCases) {
          if (mechanism.supports(shape, parameters).ok) graphs.push(mechanism.build(shape, parameters, 'float32'));
        }
      }
      assertCovered(graphs, mechanism.id);
    }
  });

  it('in the plain graphs of every family', () => {
    for (const tiny of [...tinyModels, ...tinyVlms]) {
      const weights = weightsOf(tiny);
      const model = specifyModel(describeModel(tiny.config), weights);
      if (model.kind === 'text') assertCovered(stackGraphs(model.text, weights), tiny.name);
      if (model.kind !== 'multimodal') continue;
      const { text, vision, connector } = model.spec;
      const graphs = [...stackGraphs(text, weights), ...towerGraphs(vision, weights)];
      assertCovered([...graphs, connectorGraph(vision, connector, weights)], tiny.name);
    }
  });

  it('in the plain graphs of vision encoders, positions resized', () => {
    for (const type of ['clip_vision_model', 'siglip_vision_model', 'vit', 'dinov2']) {
      const tiny = tinyTower(type, 12);
      const weights = weightsOf(tiny);
      const model = specifyModel(describeModel(tiny.config), weights);
      assert.equal(model.kind, 'vision');
      if (model.kind !== 'vision') continue;
      assertCovered(towerGraphs(model.vision, weights), type);
      assertCovered(towerGraphs(towerOver(model.vision, 20), weights), `${type} over 20 pixels`);
    }
  });

  it('positions that are resized are refused by name, and the weights beside them are not', () => {
    const tiny = tinyTower('dinov2', 12);
    const weights = weightsOf(tiny);
    const model = specifyModel(describeModel(tiny.config), weights);
    assert.ok(model.kind === 'vision');
    const tower = towerOver(model.vision, 20);
    const of = (wanted: string) => inputGradientGraph(buildPatches(tower, weights), 'residual.out', [wanted]);
    const { positions, projection } = tower.patches;
    assert.throws(() => of(positions.name), /through Resize .* is not computed: it resizes learned positions once/);
    assert.ok(of(projection).outputs.some(({ name }) => name === `gradient.weight.${projection}`));
  });
});
