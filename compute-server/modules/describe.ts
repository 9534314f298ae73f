/** The catalogue of modules, as the panel and the command line show it. */
import { moduleCatalogue } from '../../kernels/module-catalogue';
import type { ModuleInfo } from '../../protocol/compute/modules';
import { resolvedParameters } from './parameters';

export const describeModules = (): readonly ModuleInfo[] =>
  moduleCatalogue.map((module) => {
    const { id, title, kind, summary, source, parameters, written } = module;
    const defaults = resolvedParameters(module, {});
    const inputs = module.inputs(defaults);
    return {
      id,
      title,
      kind,
      summary,
      source,
      parameters,
      inputs: inputs.map((input) => ({
        name: input.name,
        kind: input.kind,
        title: input.title,
        description: input.description,
        shape: input.shape,
      })),
      outputs: module.outputs(defaults).map((output) => ({
        name: output.name,
        title: output.title,
        shape: output.shape,
      })),
      samples: module.samples.map((sample) => ({
        id: sample.id,
        title: sample.title,
        description: sample.description,
      })),
      ...(written
        ? { written: { title: written.title, description: written.description, example: written.example } }
        : {}),
      takesPicture: inputs.some((input) => input.kind === 'picture' || input.kind === 'feature-map'),
      weights: module.weights(defaults).map(({ name, shape }) => ({ name, shape })),
      growth: { of: module.growth.of, exponent: module.growth.exponent },
      parameterCount: module.cost(defaults).parameters,
    };
  });
