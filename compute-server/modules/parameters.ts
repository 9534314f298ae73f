/** Parameters of a module, checked by its table and by what can be built. */
import { moduleById, moduleCatalogue } from '../../kernels/module-catalogue';
import type { ParameterValues } from '../../kernels/mechanism';
import type { Module } from '../../kernels/module';
import { resolveTable } from '../../protocol/analysis/parameters';
import { refusal } from '../../protocol/wire/failures';

export function moduleOf(id: string): Module {
  const module = moduleById(id);
  if (module) return module;
  throw refusal(`There is no module "${id}". Choose among ${moduleCatalogue.map((each) => each.id).join(', ')}.`);
}

export function resolvedParameters(module: Module, given: ParameterValues): ParameterValues {
  const resolution = resolveTable(module.id, module.parameters, given);
  if (!resolution.ok) throw refusal(resolution.why);
  const why = module.refuse?.(resolution.values);
  if (why !== undefined) throw refusal(why);
  return resolution.values;
}
