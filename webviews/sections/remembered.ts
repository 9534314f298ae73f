/** The last thing that was made of a section, kept as long as the section is: a picture is not drawn anew for a new cursor. */
export function remembered<Owner extends object, Rest extends readonly unknown[], Made>(
  make: (owner: Owner, ...rest: Rest) => Made,
): (owner: Owner, ...rest: Rest) => Made {
  const last = new WeakMap<Owner, { readonly rest: Rest; readonly made: Made }>();
  return (owner, ...rest) => {
    const known = last.get(owner);
    if (known && known.rest.every((one, at) => Object.is(one, rest[at]))) return known.made;
    const made = make(owner, ...rest);
    last.set(owner, { rest, made });
    return made;
  };
}
