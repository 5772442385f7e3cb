"""URLs of the pages of teams: include("tokens.teams.urls"), below any path.

The pages exist only if the setting TEAM_USER is set. Elsewhere they answer 404.
"""

from django.urls import path

from tokens.teams import views

app_name = "token_teams"
urlpatterns = [
    path("", views.team_list, name="list"),
    path("new/", views.team_create, name="create"),
    path("<slug:slug>/", views.team_page, name="team"),
    path("<slug:slug>/delete/", views.team_delete, name="delete"),
]
