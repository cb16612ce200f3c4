INSERT INTO phase_dimension
  (phase_id, dimension, place, attribute, stratum, other_place)
VALUES ($phase_id, $dimension, $place, $attribute, $stratum, $other_place);
