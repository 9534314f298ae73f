/** Words of what contrastive methods have in common. */
export const cutDescription =
  'Tokens are left out whose probability with the picture is below this share of the largest; 0 leaves out none.';
