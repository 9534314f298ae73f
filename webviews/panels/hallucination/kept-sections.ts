/** Sections that were made, kept as long as what they show is the same: their pictures are not drawn anew. */
import type { Section } from '../../../protocol/sections/section';

const made = new Map<string, { readonly of: readonly unknown[]; readonly sections: readonly Section[] }>();

/** `of`: all that the sections show. */
export function kept<S extends Section>(name: string, of: readonly unknown[], make: () => readonly S[]): readonly S[] {
  const known = made.get(name);
  if (known?.of.length === of.length && known.of.every((one, at) => Object.is(one, of[at]))) {
    return known.sections as readonly S[];
  }
  const sections = make();
  made.set(name, { of, sections });
  return sections;
}
