import type { TableSection } from '../../sections/table';
import * as build from '../../sections/builders';

interface UnreadPicture {
  readonly name: string;
  readonly why: string;
}

/** A table of the pictures of a folder that could not be read; nothing where all could. */
export function failuresOf({
  failures = [],
}: {
  readonly failures?: readonly UnreadPicture[];
}): readonly TableSection[] {
  if (failures.length === 0) return [];
  return [
    build.table('failures', 'Pictures that could not be read', '', failures, [
      build.text('picture', 'picture', ({ name }) => name),
      build.text('why', 'why'),
    ]),
  ];
}
