/** Which keys of a file would make another model of it than its class does, for the families that Headscope runs. */
import { isObject, namesOf, type JsonObject } from './config/config-reader';
import { numberField } from './config/json-values';
import { listsOfOtherLength } from './config/layer-lists';
import { isOwnClass } from './families/shared/class-names';
import { familyById } from './families/catalogue';
import { defaultsOf } from './families/shared/family';
import type { Family } from './families/shared/family';
import { departuresOf, type RunKeys } from './families/shared/run-keys';
import type { Departure, ModelDescription, ModelPart } from './model-description';

type Described = Pick<ModelDescription, 'parts' | 'modelType' | 'architectures' | 'ownFamily'>;

/** `family` is that of the whole file. */
export function findDepartures(
  { parts, modelType, architectures, ownFamily }: Described,
  object: JsonObject,
  family: Family | undefined,
): readonly Departure[] {
  const whole = family?.kind === 'composite' && family.run !== undefined ? family : undefined;
  // A family of one's own is that of the whole file.
  const familyOf = ({ family: id }: ModelPart): Family | undefined => (family?.id === id ? family : familyById(id));
  const known = parts.flatMap((part) => {
    const own = familyOf(part);
    // Halves of an encoder-decoder are written in one object.
    const before = parts.slice(0, parts.indexOf(part)).some((one) => one.family === part.family && samePath(one, part));
    // Keys of halves in objects of their own are in the table of the whole, if the whole belongs to the same family.
    const nested = own?.kind === 'composite' && own === family && part.path.length > 0;
    return own?.run === undefined || before || nested ? [] : [{ part, family: own, run: own.run }];
  });
  if (whole === undefined && known.length === 0) return [];
  const [name] = architectures;
  // The text part of a class that the row names is known.
  const isKnown = family?.kind === 'composite' && family.textAlone && family.architectures?.test(name ?? '');
  const ownClass =
    name !== undefined && !isKnown && isOwnClass(name, modelType ?? '', isObject(object['auto_map']))
      ? [
          {
            path: ['architectures', 0],
            message: `${name} is a class of the repository's own, so what it computes is not known. Choose a checkpoint of the class that its family has in transformers.`,
          },
        ]
      : [];
  return [
    ...ownClass,
    // A decoder that stands alone has the keys of the whole.
    ...(whole?.run === undefined || known.some((one) => one.family === whole)
      ? []
      : departuresOf(object, [], whole.run, { title: whole.title, className: classOf(whole, modelType) })),
    ...known.flatMap((one) => ofPart(one, object, whole?.runText, ownFamily === undefined)),
  ];
}

const samePath = (one: ModelPart, other: ModelPart): boolean => one.path.join() === other.path.join();

const classOf = (family: Family, modelType: string | undefined): string =>
  defaultsOf(family, modelType)?.from.split(' ').at(-1) ?? family.title;

function ofPart(
  { part, family, run }: { readonly part: ModelPart; readonly family: Family; readonly run: RunKeys },
  file: JsonObject,
  inWhole: Family['run'],
  ofTransformers: boolean,
): readonly Departure[] {
  const object = part.path.reduce<unknown>(
    (at, key) => (isObject(at) && typeof key === 'string' ? at[key] : undefined),
    file,
  );
  if (!isObject(object)) return [];
  const className = classOf(family, part.modelType);
  const keys = departuresOf(
    object,
    part.path,
    { ...run, ...(part.role === 'decoder' ? inWhole : {}) },
    {
      title: family.title,
      className,
      sizes: part,
      // The keys of a family of one's own are named by its description.
      ...(ofTransformers ? { fields: part.fields } : {}),
    },
  );
  return [...keys, ...ofRotation(part, className, run), ...ofLists(part, object)];
}

/** The class refuses such a file, or takes what a shorter list leaves out for something else. */
function ofLists(part: ModelPart, object: JsonObject): readonly Departure[] {
  const layers = numberField(object, namesOf('num_hidden_layers'));
  if (layers === undefined) return [];
  return listsOfOtherLength(object, layers).map(({ key, sentence }) => ({
    path: [...part.path, key],
    message: `${sentence} Correct the config.`,
  }));
}

/** Inside of `rope_parameters` and `rope_scaling`: a part of each head, and a number that one family alone has. */
function ofRotation(part: ModelPart, className: string, run: RunKeys): readonly Departure[] {
  const follows = (...keys: readonly string[]): boolean => keys.some((key) => run[key]?.kind === 'honoured');
  const used = part.layers.flatMap(({ attention: { rope, latent, headDim } }) => {
    const own = rope === undefined ? undefined : part.ropes[rope];
    return own === undefined ? [] : [{ own, whole: latent === undefined ? headDim : latent.ropeDim }];
  });
  const narrow = follows('partial_rotary_factor', 'rotary_dim')
    ? undefined
    : used.find(({ own, whole }) => own.dimensions !== whole);
  const stretched = follows('alpha')
    ? undefined
    : used.find(({ own: { scaling } }) => scaling.kind === 'dynamic' && scaling.alpha !== undefined);
  return [
    ...(narrow === undefined
      ? []
      : [
          {
            path: narrow.own.path ?? part.path,
            message: `The config rotates ${narrow.own.dimensions} of the ${narrow.whole} numbers of a head, and ${className} rotates all of them. Remove partial_rotary_factor if the model was trained without it.`,
          },
        ]),
    ...(stretched === undefined
      ? []
      : [
          {
            path: stretched.own.path ?? part.path,
            message: `The rotary form has alpha, which ${className} does not read. Remove it if the model was trained without it.`,
          },
        ]),
  ];
}
