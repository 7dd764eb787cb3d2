"""Recipes: which outputs are made from a source, by which operations, in which format."""

from darkroom_core.recipe.fields import MAX_SIDE as MAX_SIDE
from darkroom_core.recipe.operation import MAX_OPERATIONS as MAX_OPERATIONS
from darkroom_core.recipe.operation import Operation as Operation
from darkroom_core.recipe.output import MAX_FILES as MAX_FILES
from darkroom_core.recipe.output import MAX_OUTPUTS as MAX_OUTPUTS
from darkroom_core.recipe.output import File as File
from darkroom_core.recipe.output import Output as Output
from darkroom_core.recipe.output import all_files as all_files
from darkroom_core.recipe.output import files_of as files_of
from darkroom_core.recipe.output import overlays_of as overlays_of
from darkroom_core.vocabulary import Format as Format
