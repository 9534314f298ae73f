/** What a module says of itself: refusals, samples, pictures, words. */
import assert from 'node:assert/strict';
import { moduleCatalogue } from '../../../kernels/module-catalogue';
import type { Parameter, ParameterValues } from '../../../kernels/mechanism';
import type { Module } from '../../../kernels/module';
import { drawCall } from '../../../kernels/module-parts/draw';
import type { Picture } from '../../../kernels/picture';
import { isExact, type Tensors } from '../../../kernels/module';
import { moduleCases, resolved } from './cases';

const isSize = (dim: number): boolean => Number.isInteger(dim) && dim > 0;

/** Every parameter at its ends, the others as they are. */
function extremes(module: Module, from: ParameterValues): readonly ParameterValues[] {
  return Object.entries<Parameter>(module.parameters).flatMap(([name, parameter]) => {
    const ends =
      parameter.kind === 'choice'
        ? parameter.options
        : parameter.kind === 'boolean'
          ? [true, false]
          : [parameter.min, parameter.max];
    return ends.map((value) => ({ ...from, [name]: value }));
  });
}

function assertInputs(module: Module, inputs: Tensors, parameters: ParameterValues, name: string): void {
  const wanted = module.inputs(parameters);
  assert.deepEqual(Object.keys(inputs).sort(), wanted.map((input) => input.name).sort(), name);
  for (const { name: input, kind, shape } of wanted) {
    assert.deepEqual(inputs[input]!.shape, shape, `${name}: ${input}`);
    const fits = isExact(kind)
      ? kind === 'mask'
        ? (x: number) => x === 0 || x === 1
        : Number.isInteger
      : Number.isFinite;
    assert.ok(inputs[input]!.data.every(fits), `${name}: numbers of ${input}`);
  }
}

function assertPicture(picture: Picture, name: string): void {
  for (const words of [picture.title, picture.caption]) assert.match(words, /^[A-Z]/, name);
  switch (picture.kind) {
    case 'heat-map': {
      const columns = picture.values[0]?.length ?? 0;
      assert.ok(columns > 0 && picture.values.every((row) => row.length === columns), `${name}: a full matrix`);
      assert.ok(picture.values.flat().some(Number.isFinite), `${name}: numbers`);
      for (const [axis, count] of [
        [picture.rows, picture.values.length],
        [picture.columns, columns],
      ] as const) {
        assert.ok(axis.labels === undefined || axis.labels.length === count, `${name}: a label each`);
      }
      break;
    }
    case 'chart':
      assert.ok(
        picture.series.some(({ points }) => points.length > 0),
        `${name}: points`,
      );
      break;
    case 'table':
      assert.ok(
        picture.rows.every((row) => row.length === picture.columns.length),
        `${name}: full rows`,
      );
      break;
  }
}

describe('Law: what a module says of itself', function () {
  this.timeout(30_000);

  it('ids are their own', () => {
    const ids = moduleCatalogue.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    for (const id of ids) assert.match(id, /^[a-z0-9]+(-[a-z0-9]+)*$/);
  });

  for (const { module, settings } of moduleCases) {
    it(`${module.id}: the ends of every parameter give shapes, or a sentence why not`, () => {
      let refused = 0;
      const tried = [resolved(module, {}), ...settings].flatMap((from) => extremes(module, from));
      for (const parameters of tried) {
        const why = module.refuse?.(parameters);
        if (why !== undefined) {
          assert.match(why, /^[A-Z\d].{20,}\.$/);
          refused++;
          continue;
        }
        const shaped = [...module.inputs(parameters), ...module.outputs(parameters), ...module.weights(parameters)];
        for (const { name, shape } of shaped) {
          assert.ok(shape.every(isSize), `${name} [${shape.join(', ')}] of ${JSON.stringify(parameters)}`);
        }
        const { flops, bytes } = module.cost(parameters);
        assert.ok(Number.isFinite(flops) && Number.isFinite(bytes), JSON.stringify(parameters));
      }
      assert.ok(module.refuse === undefined || refused > 0, 'a refusal that never comes');
    });

    it(`${module.id}: samples fill the inputs, by the seed`, () => {
      const parameters = settings[0]!;
      for (const { id } of module.samples) {
        const [one, again, other] = [1, 1, 2].map((seed) => drawCall(module, parameters, seed, id).inputs);
        assertInputs(module, one!, parameters, id);
        assert.deepEqual(one, again, `${id}: the same for the same seed`);
        assert.notDeepEqual(one, other, `${id}: another for another seed`);
      }
    });

    it(`${module.id}: pictures of every sample`, () => {
      const parameters = settings[0]!;
      for (const { id } of module.samples) {
        const call = drawCall(module, parameters, 1, id);
        const pictures = module.pictures(call, module.reference(call, parameters), parameters);
        assert.ok(pictures.length > 0, `${id}: something to look at`);
        assert.equal(new Set(pictures.map((picture) => picture.id)).size, pictures.length);
        for (const picture of pictures) assertPicture(picture, `${id}: ${picture.id}`);
      }
    });

    const { written } = module;
    if (written) {
      it(`${module.id}: its example can be read, nothing cannot`, () => {
        const parameters = settings[0]!;
        const read = written.read(written.example, parameters, 1);
        assert.ok(read.ok);
        assertInputs(module, read.inputs, { ...parameters, ...read.parameters } as ParameterValues, 'example');
        const nothing = written.read('', parameters, 1);
        assert.ok(!nothing.ok);
        assert.match(nothing.why, /^[A-Z].{20,}\.$/);
      });
    }
  }
});
