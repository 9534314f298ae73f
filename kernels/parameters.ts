/** Parameter values of a mechanism, from what a form, a command line or a file gave. */
import type { Mechanism, Parameter, ParameterValue, ParameterValues } from './mechanism';

export type Resolution =
  { readonly ok: true; readonly values: ParameterValues } | { readonly ok: false; readonly why: string };

/** The given values, checked, with defaults for those left out; or the first fault as a sentence. */
export function resolveParameters(mechanism: Mechanism, given: Readonly<Record<string, unknown>> = {}): Resolution {
  const table: Readonly<Record<string, Parameter>> = mechanism.parameters;
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(table, name)) {
      const known = Object.keys(table);
      const choice = known.length === 0 ? 'it takes none' : `it takes ${known.join(', ')}`;
      return { ok: false, why: `${mechanism.id} has no parameter "${name}": ${choice}.` };
    }
  }
  const values: Record<string, ParameterValue> = {};
  for (const [name, parameter] of Object.entries(table)) {
    const value = given[name] ?? parameter.default;
    const fault = faultOf(parameter, value);
    if (fault) return { ok: false, why: `${mechanism.id}.${name} ${fault}, not ${JSON.stringify(value)}.` };
    values[name] = value as ParameterValue;
  }
  return { ok: true, values };
}

/** A text of a command line or a form as a value of the parameter's kind; left as it is when it is none. */
export function parseParameter(parameter: Parameter, text: string): ParameterValue {
  switch (parameter.kind) {
    case 'integer':
    case 'number': {
      const value = Number(text);
      return text.trim() === '' || Number.isNaN(value) ? text : value;
    }
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : text;
    case 'choice':
      return text;
  }
}

function faultOf(parameter: Parameter, value: unknown): string | undefined {
  switch (parameter.kind) {
    case 'integer':
    case 'number': {
      const range = `from ${parameter.min} to ${parameter.max}`;
      const whole = parameter.kind === 'integer';
      const fits = typeof value === 'number' && (whole ? Number.isInteger(value) : Number.isFinite(value));
      if (!fits || value < parameter.min || value > parameter.max) {
        return `must be a ${whole ? 'whole number' : 'number'} ${range}`;
      }
      return undefined;
    }
    case 'choice':
      return typeof value === 'string' && parameter.options.includes(value)
        ? undefined
        : `must be one of ${parameter.options.join(', ')}`;
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'must be true or false';
  }
}
